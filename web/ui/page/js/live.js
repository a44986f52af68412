// The log's page shows entries as they happen. The button holds them back; what came meanwhile appears when it is let go.
const live = document.querySelector(".live[data-stream]");
if (live) {
  const button = live.querySelector("button");
  const says = live.querySelector("[role=status]");
  const rows = document.getElementById("entries");
  const most = 200;
  const held = [];
  const cell = (name, text) => {
    const td = document.createElement(name);
    td.textContent = text;
    return td;
  };
  const show = (e) => {
    const seq = Number(e.sequence);
    const said = e.data ?? {};
    const tr = document.createElement("tr");
    const number = cell("th", "");
    number.scope = "row";
    const link = cell("a", String(seq));
    link.href = live.dataset.entries + seq;
    number.append(link);
    const at = cell("td", "");
    const time = cell("time", e.time.slice(0, 16).replace("T", " ") + " UTC");
    time.dateTime = e.time;
    at.append(time);
    const what = cell("td", "");
    what.append(cell("code", e.type.replace(/^dev\.slipway\./, "").replace(/\.v1$/, "")));
    const where = [said.environment, said.service].filter(Boolean).join("/");
    const about = [[said.package, said.version].filter(Boolean).join(" "), said.tag, where].filter(Boolean).join(" · ");
    tr.append(number, at, what, cell("td", about || said.name || said.user || said.repository || ""), cell("td", said.actor ?? e.authid), cell("td", said.reason ?? ""));
    rows.prepend(tr);
    while (rows.children.length > most) rows.lastElementChild.remove();
  };
  const source = new EventSource(live.dataset.stream);
  source.addEventListener("message", (message) => {
    const e = JSON.parse(message.data);
    if (button.getAttribute("aria-pressed") === "true") {
      held.push(e);
      if (held.length > most) held.shift();
      says.textContent = `${held.length} held back`;
    } else {
      show(e);
    }
  });
  source.addEventListener("open", () => { live.hidden = false; });
  button.addEventListener("click", () => {
    const paused = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(paused));
    if (!paused) held.splice(0).forEach(show);
    says.textContent = paused ? "Paused." : "New entries appear here.";
  });
  addEventListener("pagehide", () => source.close());
}
