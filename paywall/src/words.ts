/** The English messages by id, grouped by the part of the script that shows them. `words/` has one file per language with all
 * messages. */

export const PAGE = {
  pay: "Pay {amount}",
  tip: "Tip {amount}",
  amount: "{sat} sat",
  read: "{time} read",
  during: "{what}, for {time}",
  opening: "Paid. Opening…",
  ended: "This is no longer for sale; what was paid still opens.",
  leaveTip: "A tip for {name}",
  lost: "No connection. Nothing was charged; try again when it is back.",
  failed: "That did not work. Nothing was charged.",
};

export const OPENED = {
  paid: "Paid {amount}. {name} thanks you.",
  yours: "Already yours.",
  thanks: "Thank you. {name} has your tip, every sat of it.",
  keep: "Keep this link to open it elsewhere.",
  receipt: "Receipt",
  copyLink: "Copy link",
  copied: "Copied",
  download: "Download",
  again: "Tip again",
  orCode: "Or this recovery code:",
  tipName: "Tip {name}",
  more: "More by {name}",
  copyPage: "Copy the page link",
  there: "Open it in its page",
  refunded: "Your payment for this was refunded:",
  broken: "The text sealed in this page does not open with the key that you paid for. Your payment is kept; its creator has to mend the page.",
};

export const TIPPING = {
  amounts: "How much, in sat",
  other: "Other",
  own: "Your amount, in sat",
  ownWrong: "Choose an amount, or write one as a number of sat.",
  note: "Add a note",
  name: "Your name",
  message: "Message",
  noteFor: "Only {name} reads it.",
};

/** Of the line for readers who have no wallet yet. */
export const FIRST_TIME = {
  anyWallet: "No account. Any Lightning wallet.",
  help: "First time?",
};

export const SHEET = {
  sheet: "Pay with Lightning",
  close: "Close",
  wallet: "Open wallet",
  copy: "Copy",
  invoice: "Lightning invoice, to copy",
  qr: "QR code of the Lightning invoice",
  waiting: "Waiting for your payment",
  confirm: "Confirm the payment in your wallet.",
  showCode: "Show the code",
  silent: "Your wallet may still be paying. This code is the same invoice: it is paid only once.",
  refused: "Your wallet did not pay. Scan the code, or ask it again.",
  unreached: "Your wallet cannot be reached. Scan the code, or ask it again.",
  askAgain: "Ask the wallet again",
  linked: "Asked your wallet. Nothing opened? Scan the code or copy it.",
  paying: "Your wallet may be paying; this opens by itself.",
  seconds: "{seconds} s",
  renewed: "This code expired; here is a fresh one. If you already paid the old one, it still counts.",
  stale: "This code expired. If your wallet is still paying it, it counts.",
  fresh: "Get a fresh code",
  offline: "No connection. This goes on by itself when it is back.",
  away: "The creator's node is not answering. Nothing was charged; try again in a moment.",
  busy: "Too many at once. Nothing was charged; try again in a moment.",
  wrong: "The invoice does not match the price. Nothing was charged.",
  elsewhere: "This site may not sell this. Nothing was charged; buy it in its own page.",
  ownPage: "Go to its own page",
  forgets: "This browser keeps nothing for this page. What you pay for stays open only until you leave: save the receipt link before you go.",
  unshown: "This page cannot show what you would buy. Nothing was charged; buy it in its own page.",
  unopened: "The sealed text cannot be opened in this page. Nothing was charged.",
  retry: "Try again",
  help: "First time?",
  connect: "Connect a wallet",
  paidBefore: "Paid before?",
  back: "Paid. Go back to the page that you came from: it opens there.",
};

export const RATE = {
  sampleRate: "At a sample exchange rate",
};

export const HELP = {
  helpWhat: "Lightning sends small amounts of bitcoin in about a second, for next to nothing. A sat is the smallest piece: a hundred-millionth of a bitcoin.",
  helpGet: "Get a Lightning wallet: an app that keeps your money and pays with it.",
  helpTime: "about {time}",
  helpBrowser: "in the browser",
  helpFill: "Put a little in. Many wallets sell bitcoin in the app: by card in minutes, by bank transfer in days, and they may ask who you are. A friend who has some can send you a little in seconds.",
  helpPay: "Come back here and press the button. Your wallet scans the code or, on the same device, “Open wallet” hands it over. Confirm, and this page sees the payment by itself.",
  helpFails: "If it fails, nothing is taken: your wallet keeps the money. Your place here is kept.",
};

export const CONNECT = {
  connectHow: "Paste the connection that your wallet makes for Nostr Wallet Connect. It spends: give it a small budget, and paste it into no other site's page.",
  connection: "Connection",
  connectKeep: "Keep it in this browser, for this site",
  connectPay: "Pay with it",
  connectWrong: "This is no whole connection. It starts with nostr+walletconnect and names a relay and a secret.",
  connected: "Your wallet is connected.",
  disconnect: "Disconnect",
};

export const RECOVER = {
  elsewherePaid: "Paid on another site or in another browser? Your receipt there has a code that opens it here.",
  code: "Recovery code, from the receipt",
  codeOpen: "Open it",
  codeUnknown: "This code opens nothing here; compare it with the receipt, letter by letter.",
  codeMalformed: "A recovery code has twelve letters and digits, like 7KQ2-M4XD-9TRA.",
  codeTries: "That was too many tries. Come back in a minute.",
  codeElse: "This code opens something else. Enter it on the page that you paid on.",
};

export type PageId = keyof typeof PAGE;
export type MessageId = PageId | keyof typeof OPENED | keyof typeof TIPPING | keyof typeof SHEET
  | keyof typeof RATE | keyof typeof FIRST_TIME | keyof typeof HELP | keyof typeof RECOVER | keyof typeof CONNECT;
export type Words = Record<MessageId, string>;
