// Parts of a page that wait for something: they are asked for again every two seconds while the page is looked at, and at once when the window is
// looked at again, until it has come.
for (const part of document.querySelectorAll("[data-refresh]")) {
  let left = 300;
  let seen = "";
  let asking = false;
  const look = async () => {
    if (asking || part.querySelector(".note.good")) return;
    asking = true;
    try {
      const answer = await fetch(part.dataset.refresh, { headers: { Accept: "text/html" } });
      const next = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(part.id);
      if (next && next.textContent !== seen) {
        seen = next.textContent;
        part.replaceChildren(...next.childNodes);
        document.dispatchEvent(new Event("slipway:shown"));
      }
    } catch { // the server is away for a moment
    }
    asking = false;
  };
  const again = setInterval(() => {
    if (left-- <= 0 || part.querySelector(".note.good")) clearInterval(again);
    else if (!document.hidden) look();
  }, 2000);
  addEventListener("focus", look);
}
