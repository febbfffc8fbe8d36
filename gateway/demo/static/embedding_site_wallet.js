// The wallet of the demo's embedding page: a WebLN wallet in the browser, or a phone wallet that scans the shown invoice.
const dialog = document.querySelector("dialog.wallet");
const find = (name) => dialog.querySelector(name);
const wanted = new URLSearchParams(location.search).get("wallet") ?? "browser";

async function post(path, invoice) {
  const answer = await fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ invoice }),
  });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail);
  return body;
}

async function confirm(invoice) {
  const asked = await post("/demo/decode", invoice);
  find(".sum strong").textContent = (asked.amount_msat / 1000).toLocaleString("en");
  find(".memo").textContent = asked.description;
  find(".refusal").textContent = "";
  dialog.showModal();
  return new Promise((resolve, reject) => {
    find(".no").onclick = () => dialog.close();
    dialog.onclose = () => reject(new Error("The payment was declined."));
    find(".yes").onclick = async () => {
      find(".yes").disabled = true;
      try {
        resolve(await post("/demo/pay", invoice));
        dialog.close();
      } catch (error) {
        find(".refusal").textContent = error.message;
      }
      find(".yes").disabled = false;
    };
  });
}

if (wanted === "browser") {
  globalThis.webln = { enable: async () => {}, sendPayment: confirm };
} else if (wanted === "phone") {
  document.addEventListener("tuppence-invoice", ({ detail }) => confirm(detail.payment_request).catch(() => {}));
}
