// Buttons that copy: those of the page, and one for every block of commands.
for (const pre of document.querySelectorAll("main pre")) {
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
for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
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
    const text = button.textContent;
    button.textContent = done;
    setTimeout(() => { button.textContent = text; }, 1500);
  });
}
