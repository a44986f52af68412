// Buttons that copy: those of the page, and one for every block of commands, also of parts that come later.
const dress = () => {
  for (const pre of document.querySelectorAll("main pre")) {
    if (pre.parentElement.classList.contains("copyable")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy block";
    button.textContent = "Copy";
    button.dataset.copy = pre.textContent;
    button.setAttribute("aria-label", "Copy these lines");
    const box = document.createElement("div");
    box.className = "copyable";
    pre.replaceWith(box);
    box.append(pre, button);
  }
  for (const button of document.querySelectorAll("button.copy")) button.hidden = false;
};
dress();
document.addEventListener("slipway:shown", dress);
document.addEventListener("click", async (e) => {
  const button = e.target instanceof Element && e.target.closest("button.copy");
  if (!button) return;
  let done = "Copied";
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch { // a page without TLS has no clipboard
    const area = document.createElement("textarea");
    area.value = button.dataset.copy;
    document.body.append(area);
    area.select();
    if (!document.execCommand("copy")) done = "Select and copy";
    area.remove();
    button.focus();
  }
  button.textContent = done;
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
});
