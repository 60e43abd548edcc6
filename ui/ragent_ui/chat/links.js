// Tells the page which source was clicked, copies texts, and puts the cursor and the quote where they belong.
let listening;
let focused = "";
let shown = "";

export default function ({ data, setTriggerValue }) {
  listening?.abort();
  listening = new AbortController();
  const { signal } = listening;

  document.addEventListener("click", (event) => {
    const source = event.target.closest?.("[data-source]");
    if (source) setTriggerValue("opened", source.dataset.source);
    const copy = event.target.closest?.("[data-copies]");
    if (copy) copyText(copy, copy.closest("[data-testid=stChatMessage], .st-key-source").querySelector("." + copy.dataset.copies));
  }, { signal });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && data.shown && !event.defaultPrevented) setTriggerValue("opened", "");
  }, { signal });

  if (data.focus !== focused) whenThere("[data-testid=stChatInputTextArea]", (input) => {
    focused = data.focus;
    if (!matchMedia("(pointer: coarse)").matches) input.focus({ preventScroll: true });
  });
  if (data.shown !== shown) {
    shown = data.shown;
    if (shown) whenThere(`[data-shows="${CSS.escape(shown)}"]`, (panel) => {
      const mark = panel.querySelector("mark");
      const box = mark?.closest(".rg-text");
      if (box) box.scrollTop = mark.offsetTop - box.clientHeight / 3;
    });
  }
  return () => listening.abort();
}

function whenThere(selector, then, tries = 20) {
  const found = document.querySelector(selector);
  if (found) then(found);
  else if (tries) setTimeout(() => whenThere(selector, then, tries - 1), 100);
}

async function copyText(button, from) {
  const text = from.innerText;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Over plain HTTP from another machine there is no clipboard; this older way still works there.
    const area = document.body.appendChild(document.createElement("textarea"));
    area.value = text;
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const label = button.textContent;
  button.textContent = button.dataset.done;
  setTimeout(() => { button.textContent = label; }, 1500);
}
