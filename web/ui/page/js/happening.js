// The front page shows what happens: the server tells of events, and the parts of the page that show them are asked for again, at most once a second.
// The button holds them back.
const tells = document.querySelector("[data-shows-on]");
if (tells) {
  const button = tells.querySelector("button");
  const says = tells.querySelector("[role=status]");
  let held = 0;
  let busy = false;
  let again = false;
  const textOf = (part) => { // without the buttons of other scripts
    const copy = part.cloneNode(true);
    for (const button of copy.querySelectorAll("button.copy")) button.remove();
    return copy.textContent;
  };
  const texts = new Map();
  for (const part of document.querySelectorAll("[data-shows]")) texts.set(part, textOf(part));
  const show = async () => {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    const pages = new Map();
    for (const part of texts.keys()) {
      const from = part.dataset.shows;
      try {
        if (!pages.has(from)) {
          const answer = await fetch(from, { headers: { Accept: "text/html" } });
          pages.set(from, new DOMParser().parseFromString(await answer.text(), "text/html"));
        }
        const next = pages.get(from).getElementById(part.id);
        if (next && textOf(next) !== texts.get(part)) {
          texts.set(part, textOf(next));
          part.replaceChildren(...next.childNodes);
        }
      } catch { // the server is away for a moment
      }
    }
    document.dispatchEvent(new Event("slipway:shown"));
    setTimeout(() => {
      busy = false;
      if (again) {
        again = false;
        show();
      }
    }, 1000);
  };
  const source = new EventSource(tells.dataset.showsOn);
  source.addEventListener("open", () => { tells.hidden = false; });
  source.addEventListener("message", () => {
    if (button.getAttribute("aria-pressed") !== "true") {
      show();
      return;
    }
    held++;
    says.textContent = held === 1 ? "1 held back" : `${held} held back`;
  });
  button.addEventListener("click", () => {
    const paused = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(paused));
    says.textContent = paused ? "Paused." : "New entries appear here.";
    if (!paused && held > 0) show();
    held = 0;
  });
  addEventListener("pagehide", () => source.close());
}
