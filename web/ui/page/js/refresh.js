// Parts of a page that wait for something: they are asked for again every two seconds while the page is looked at, until it has come.
for (const part of document.querySelectorAll("[data-refresh]")) {
  let current = part;
  let left = 300;
  const look = async () => {
    if (left-- <= 0 || current.querySelector(".note.good")) return;
    if (!document.hidden) {
      try {
        const answer = await fetch(part.dataset.refresh, { headers: { Accept: "text/html" } });
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const next = page.getElementById(part.id);
        if (next && next.textContent !== current.dataset.seen) {
          const text = next.textContent;
          current.replaceWith(next);
          current = next;
          current.dataset.seen = text;
        }
      } catch { // the server is away for a moment
      }
    }
    setTimeout(look, 2000);
  };
  setTimeout(look, 2000);
}
