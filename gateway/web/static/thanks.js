// After a payment, says where the free part ends that it is paid, and links to the receipt: there the reader is.
const $ = (id) => document.getElementById(id);
const sale = $("sale"), text = $("text"), line = $("thanks"), free = text.innerHTML.trimEnd(), { length } = text.children;

sale.addEventListener("tuppence-unlocked", () => {
  if (sale.dataset.state !== "open") return;
  line.querySelector("span").textContent = line.dataset.paid.replace("{sat}", $("amount").textContent);
  line.querySelector("a").href = $("receipt").href;
  // A text that was changed since may begin otherwise than its preview.
  const next = text.innerHTML.startsWith(free) ? text.children[length] ?? null : text.firstChild;
  text.insertBefore(line, next);
  line.hidden = false;
  line.scrollIntoView({ block: "nearest" });
});
