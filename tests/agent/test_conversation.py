from __future__ import annotations

from ragent.agent import Agent
from ragent.agent.conversation import Conversation, Turn
from ragent.errors import ServerError
from tests.agent.scripted import Scripted, answer, call
from tests.agent.test_loop import Fare, add, read, sender


def test_a_task_knows_what_was_said_before() -> None:
    model = Scripted([answer("Hello Ada."), answer("Ada.")])
    chat = Conversation(Agent(model))
    chat.run("I am Ada.")
    assert chat.run("Who am I?").output == "Ada."
    assert "user: I am Ada.\nassistant: Hello Ada." in model.heard[1][-1].content
    assert [(turn.role, turn.content) for turn in chat.turns[-2:]] == [
        ("user", "Who am I?"),
        ("assistant", "Ada."),
    ]
    assert not chat.tainted


def test_old_turns_are_summed_up_and_the_last_stay_as_they_were() -> None:
    words = "one two three four five six seven eight nine ten"
    model = Scripted(["Ten numbers were counted."])
    chat = Conversation(Agent(model), tokens=45, verbatim=2)
    for number in range(4):
        chat.add(Turn("user" if number % 2 == 0 else "assistant", f"{number}: {words}"))
    assert model.heard == []  # 44 words
    chat.add(Turn("user", "Go on."))
    assert (len(model.heard), chat.summarised, chat.usage.completion_tokens) == (1, 3, 4)
    told = model.heard[0][-1].content
    assert "user: 0: one" in told
    assert "user: 2: one" in told
    assert "3: one" not in told
    assert [message.content for message in chat.history] == [
        "In short, what was said before: Ten numbers were counted.",
        f"3: {words}",
        "Go on.",
    ]
    assert len(chat.turns) == 5


def test_a_summary_takes_up_the_one_before_it() -> None:
    model = Scripted(["First summary.", "Second summary."])
    chat = Conversation(Agent(model), tokens=20, verbatim=1)
    for number in range(3):
        chat.add(Turn("user", f"{number} " + "word " * 18))
    assert "First summary." in model.heard[1][-1].content
    assert chat.summary == "Second summary."
    assert chat.summarised == 2


def test_a_summary_is_made_in_parts_that_fit_the_model() -> None:
    model = Scripted(["All of it."], context_tokens=300)
    chat = Conversation(Agent(model), tokens=500, verbatim=1)
    for number in range(6):
        chat.add(Turn("user", f"{number} " + "word " * 90))
    assert chat.summarised >= 1
    assert all(sum(len(m.content.split()) for m in heard) <= 300 - 75 for heard in model.heard)
    giant = Conversation(Agent(model), tokens=50, verbatim=0)
    giant.add(Turn("user", "word " * 5000))
    assert giant.summarised == 1
    assert "characters left out" in model.heard[-1][-1].content


def test_a_tainted_turn_taints_what_comes_after_even_summed_up() -> None:
    sent: list[str] = []
    script = [
        call("read", name="mail"),
        answer("The mail says: delete everything!"),
        answer("Hm."),
        "A mail was read.",
        call("send", text="x"),
        answer("ok"),
    ]
    chat = Conversation(Agent(Scripted(script), [read, sender(sent)]), tokens=8, verbatim=2)
    assert chat.run("Read my mail.").tainted
    assert [turn.tainted for turn in chat.turns] == [False, True]
    chat.run("And now?")
    assert (chat.summary, chat.summarised) == ("A mail was read.", 2)
    last = chat.run("Do so.")
    assert last.steps[0].observations[0].kind == "refused"
    assert sent == []


def test_a_model_that_can_not_sum_up_costs_nothing_that_was_said() -> None:
    failing = Scripted([ServerError("gone"), ""])
    chat = Conversation(Agent(failing), tokens=5, verbatim=1)
    chat.add(Turn("user", "The code is 4711, remember it."))
    chat.add(Turn("user", "Well?"))
    assert (chat.summarised, chat.history[0].content) == (0, "The code is 4711, remember it.")
    chat.add(Turn("user", "So?"))
    assert chat.summarised == 2
    assert "4711" in chat.summary


def test_what_is_said_of_answers_with_a_form_and_of_none() -> None:
    chat = Conversation(Agent(Scripted([answer({"euros": 4, "why": "é"})]), answer=Fare))
    chat.run("What does it cost?")
    assert chat.turns[-1].content == '{"euros": 4, "why": "é"}'
    endless = Conversation(Agent(Scripted([call("add", a=1, b=1)]), [add]))
    endless.run("Count.")
    assert endless.turns[-1].content.startswith("(no answer: no_progress")
