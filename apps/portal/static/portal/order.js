// Drag the devices of an outage into order; the buttons do the same without this file.
const list = document.querySelector("[data-order]");
const form = document.querySelector("[data-order-form]");
if (list && form) {
  let held = null;
  list.addEventListener("dragstart", (event) => { held = event.target.closest("li"); event.dataTransfer.effectAllowed = "move"; });
  list.addEventListener("dragover", (event) => {
    const over = event.target.closest("li");
    if (!held || !over || over === held) return;
    event.preventDefault();
    const box = over.getBoundingClientRect();
    over[event.clientY < box.top + box.height / 2 ? "before" : "after"](held);
  });
  list.addEventListener("drop", (event) => event.preventDefault());
  list.addEventListener("dragend", () => {
    held = null;
    form.elements.order.value = [...list.children].map((one) => one.dataset.key).join("\n");
    form.submit();
  });
}
