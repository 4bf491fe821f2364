// Copies the number, and keeps the question "settled yet?" quiet while there is no network: the next one is a second away.

for (const button of document.querySelectorAll("[data-copy]")) {
  const label = button.querySelector("[data-label]");
  const before = label.textContent;
  button.addEventListener("click", async () => {
    label.textContent = (await copy(button.dataset.copy)) ? button.dataset.done : button.dataset.copy;
    setTimeout(() => (label.textContent = before), 2500);
  });
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // plain http: the number is on the screen anyway
  }
}

const state = document.querySelector("[data-state]");
state?.addEventListener("htmx:beforeRequest", (event) => navigator.onLine || event.preventDefault());
state?.addEventListener("htmx:sendError", (event) => event.stopPropagation());
