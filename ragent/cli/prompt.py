"""The prompt of `ragent chat`: questions and commands, one line each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ragent.cli.answers import drafting, print_answer
from ragent.cli.background import raised_by_ctrl_c, stopped_by_ctrl_c
from ragent.cli.face import INTERRUPTED, Face, display_uri
from ragent.cli.talk import Place, Talk

_AROUND_CHARS = 500
_HELP = """\
/sources     where the last answer stands; where there is none, the passages that come nearest
/open N      source N with the text around it
/new         another conversation
/save FILE   keep this one as Markdown
/quit        end; so does Ctrl-D
Ctrl-C stops an answer. Anything else is a question."""


@dataclass(slots=True)
class Prompt:
    """Asks a person, and shows them what comes of it."""

    face: Face
    talk: Talk

    def run(self) -> int:
        """Until they end it: the exit code."""
        self._remember()
        self._greet()
        interrupted = False
        while True:
            try:
                with raised_by_ctrl_c():
                    line = input("> ").strip().encode("utf-8", "replace").decode()
            except UnicodeDecodeError:
                self.face.messages.print("that wasn't UTF-8")
                continue
            except EOFError:
                self.face.console.print()
                return 0
            except KeyboardInterrupt:
                self.face.console.print()
                if interrupted:
                    return INTERRUPTED
                interrupted = True
                self.face.messages.print("Ctrl-C again ends, as does Ctrl-D", style="dim")
                continue
            interrupted = False
            if line in ("/quit", "/exit"):
                return 0
            if line.startswith("/"):
                self._obey(line)
            elif line:
                interrupted = not self._ask(line)

    def _ask(self, question: str) -> bool:
        """False if it was stopped."""
        stop = threading.Event()
        answer = None
        with stopped_by_ctrl_c(stop), drafting(self.face) as show:
            for piece in self.talk.ask(question, stop):
                if isinstance(piece, str):
                    show(piece)
                else:
                    answer = piece
        if answer is not None:
            print_answer(self.face, answer)
        elif self.talk.error is not None:
            self.face.messages.print(f"error: {self.talk.error}", markup=False, style="red")
        else:
            self.face.messages.print("stopped; Ctrl-C again ends", style="dim")
        self.face.console.print()
        return not stop.is_set()

    def _obey(self, line: str) -> None:
        name, _, rest = line.partition(" ")
        commands: dict[str, Callable[[str], object]] = {
            "/help": lambda _: self.face.console.print(_HELP, markup=False),
            "/sources": lambda _: self._show_sources(),
            "/open": self._open,
            "/new": lambda _: self._begin_another(),
            "/save": self._save,
        }
        if name in commands:
            commands[name](rest.strip())
        else:
            self.face.messages.print(f"{name} is no command; /help lists them", markup=False)

    def _show_sources(self) -> None:
        for place in self.talk.places:
            self._show_place(place)
            self.face.console.print(f"    {' '.join(place.text.split())[:200]}", markup=False, style="dim")
        if not self.talk.places:
            self.face.messages.print("nothing was found yet")

    def _show_place(self, place: Place) -> None:
        page = f", page {place.page}" if place.page else ""
        where = f"{display_uri(place.uri)}{page}, characters {place.start}–{place.end}"
        self.face.console.print(f"[{place.number}] {where}", markup=False, style="cyan")

    def _open(self, number: str) -> None:
        from rich.text import Text

        place = next((one for one in self.talk.places if str(one.number) == number), None)
        if place is None:
            numbers = ", ".join(str(one.number) for one in self.talk.places)
            told = f"/open N, with one of {numbers}" if numbers else "there is nothing to open yet"
            self.face.messages.print(told)
            return
        text = self.talk.rag.store.document_text(place.document_id)
        if text is None or not text[place.start : place.end]:
            self.face.messages.print("the document is no longer there")
            return
        self._show_place(place)
        first, last = max(0, place.start - _AROUND_CHARS), place.end + _AROUND_CHARS
        shown = Text("…" if first else "")
        shown.append(text[first : place.start])
        shown.append(text[place.start : place.end], style="bold reverse")
        shown.append(text[place.end : last] + ("…" if last < len(text) else ""))
        self.face.console.print(shown)

    def _begin_another(self) -> None:
        self.talk.begin_another()
        self.face.messages.print("a new conversation", style="dim")

    def _save(self, name: str) -> None:
        said = self.talk.as_markdown()
        if not said:
            self.face.messages.print("nothing was said yet")
            return
        if not name:
            self.face.messages.print("/save FILE, as in /save talk.md")
            return
        try:
            with Path(name).expanduser().open("x", encoding="utf-8") as file:
                file.write(said)
        except FileExistsError:
            self.face.messages.print(f"{name} is there already: name another file", markup=False)
        except OSError as error:
            self.face.messages.print(f"can't write {name}: {error.strerror}", markup=False)
        else:
            self.face.messages.print(f"saved: {name}", markup=False, style="dim")

    def _greet(self) -> None:
        conversation = self.talk.conversation
        if conversation is not None:
            said = [turn for turn in self.talk.turns() if turn.content][-2:]
            for turn in said:
                mark = "> " if turn.role == "user" else ""
                self.face.console.print(f"{mark}{turn.content}", markup=False, style="dim")
            self.face.console.print()
        else:
            told = f"Ask the collection {self.talk.rag.settings.collection!r}. /help lists the commands."
            self.face.messages.print(told, markup=False, style="dim")

    def _remember(self) -> None:
        """What was asked before is had back by the arrow keys, where lines can be edited."""
        with suppress(ImportError):
            import readline

            for turn in self.talk.turns():
                if turn.role == "user" and turn.content:
                    readline.add_history(turn.content)
