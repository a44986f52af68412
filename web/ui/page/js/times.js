// Times as people say them; the exact moment stays in the title.
const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const units = [["year", 31557600], ["month", 2629800], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60]];
const relative = () => {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
    if (Number.isNaN(seconds)) continue;
    if (!time.title) time.title = time.textContent;
    const [unit, length] = units.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
    time.textContent = unit === "second" ? "just now" : words.format(Math.round(seconds / length), unit);
  }
};
relative();
setInterval(relative, 60000);
document.addEventListener("slipway:shown", relative);
