// Completion of the last term of a query: the list has whole terms, and the browser compares it with the whole text of the box.
for (const field of document.querySelectorAll("input[data-complete]")) {
  const list = field.list;
  const terms = Array.from(list.options, (o) => o.value);
  let shown = "";
  field.addEventListener("input", () => {
    const head = field.value.slice(0, field.value.search(/[^\s(]*$/)).replace(/-$/, "");
    if (head === shown) return;
    shown = head;
    list.replaceChildren(...terms.map((term) => {
      const option = document.createElement("option");
      option.value = head + term;
      return option;
    }));
  });
}
