/** Every sentence that a reader meets, by message id. English and Korean are built in, each file with what it says itself;
 * `words/` holds the other languages whole. */

const page = {
  en: {
    pay: "Pay {amount}",
    tip: "Tip {amount}",
    amount: "{sat} sat",
    read: "{time} read",
    during: "{what}, for {time}",
    opening: "Paid. Opening…",
    ended: "This is no longer for sale; what was paid still opens.",
    leaveTip: "A tip for {name}",
    lost: "No connection. Nothing was charged; try again when it is back.",
  },
  ko: {
    pay: "{amount} 결제하기",
    tip: "{amount} 팁 보내기",
    amount: "{sat} sat",
    read: "읽는 데 {time}",
    during: "{what}, {time} 동안",
    opening: "결제했어요. 여는 중…",
    ended: "판매가 종료되었어요. 이미 결제했다면 계속 열람할 수 있어요.",
    leaveTip: "{name}님에게 보내는 팁",
    lost: "연결이 끊겼어요. 결제되지 않았으니 잠시 후 다시 시도해 주세요.",
  },
};

const opened = {
  en: {
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
  },
  ko: {
    paid: "{amount}을 결제했어요. {name}님이 고마워해요.",
    yours: "이미 구매한 콘텐츠예요.",
    thanks: "감사합니다. {name}님에게 팁이 1 sat도 빠짐없이 전달되었어요.",
    keep: "이 링크를 보관하면 다른 기기에서도 열 수 있어요.",
    receipt: "영수증",
    copyLink: "링크 복사",
    copied: "복사했어요",
    download: "다운로드",
    again: "팁 더 보내기",
    orCode: "또는 이 복구 코드:",
  },
};

const tipping = {
  en: {
    amounts: "How much, in sat",
    other: "Other",
    own: "Your amount, in sat",
    note: "Add a note",
    name: "Your name",
    message: "Message",
    noteFor: "Only {name} reads it.",
  },
  ko: {
    amounts: "금액(sat)",
    other: "직접 입력",
    own: "보낼 금액(sat)",
    note: "메시지 남기기",
    name: "이름",
    message: "메시지",
    noteFor: "{name}님만 볼 수 있어요.",
  },
};

const sheet = {
  en: {
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
    askAgain: "Ask the wallet again",
    paying: "Your wallet may be paying; this opens by itself.",
    renewed: "This code expired; here is a fresh one. If you already paid the old one, it still counts.",
    stale: "This code expired. If your wallet is still paying it, it counts.",
    fresh: "Get a fresh code",
    offline: "No connection. This goes on by itself when it is back.",
    away: "The creator's node is not answering. Nothing was charged; try again in a moment.",
    busy: "Too many at once. Nothing was charged; try again in a moment.",
    wrong: "The invoice does not match the price. Nothing was charged.",
    failed: "That did not work. Nothing was charged.",
    retry: "Try again",
    help: "New to Lightning?",
    unreached: "Your wallet cannot be reached. Scan the code, or ask it again.",
    connect: "Connect a wallet",
    paidBefore: "Paid before?",
  },
  ko: {
    sheet: "라이트닝으로 결제",
    close: "닫기",
    wallet: "지갑 열기",
    copy: "복사",
    invoice: "복사할 라이트닝 인보이스",
    qr: "라이트닝 인보이스 QR 코드",
    waiting: "결제를 기다리고 있어요",
    confirm: "지갑에서 결제를 확인해 주세요.",
    showCode: "코드 보기",
    silent: "지갑에서 아직 결제 중일 수 있어요. 이 코드는 같은 인보이스라서 한 번만 결제돼요.",
    refused: "지갑에서 결제하지 않았어요. 코드를 스캔하거나 지갑에 다시 요청해 주세요.",
    askAgain: "지갑에 다시 요청하기",
    paying: "지갑에서 결제 중일 수 있어요. 완료되면 자동으로 열려요.",
    renewed: "코드가 만료되어 새로 준비했어요. 이전 코드로 이미 결제했다면 그 결제도 인정돼요.",
    stale: "코드가 만료되었어요. 지갑에서 아직 결제 중이라면 그 결제도 인정돼요.",
    fresh: "새 코드 받기",
    offline: "인터넷에 연결되어 있지 않아요. 연결되면 자동으로 이어져요.",
    away: "크리에이터의 노드가 응답하지 않아요. 결제된 금액은 없으니 잠시 후 다시 시도해 주세요.",
    busy: "요청이 너무 많아요. 결제된 금액은 없으니 잠시 후 다시 시도해 주세요.",
    wrong: "인보이스 금액이 가격과 달라요. 결제된 금액은 없어요.",
    failed: "처리하지 못했어요. 결제된 금액은 없어요.",
    retry: "다시 시도",
    help: "라이트닝이 처음인가요?",
    unreached: "지갑에 연결할 수 없어요. 코드를 스캔하거나 지갑에 다시 요청해 주세요.",
    connect: "지갑 연결",
    paidBefore: "이미 결제했나요?",
  },
};

const help = {
  en: {
    helpWhat: "Lightning sends small amounts of bitcoin in about a second, for next to nothing. A sat is the smallest piece: a hundred-millionth of a bitcoin.",
    helpHow: "Install a wallet (Phoenix or Blink on a phone, Alby in a browser), put a little in, scan the code, confirm. Your place here is kept.",
  },
  ko: {
    helpWhat: "라이트닝은 적은 금액의 비트코인을 수수료가 거의 없이 1초 남짓이면 보내는 방법이에요. sat(사토시)은 비트코인의 가장 작은 단위로, 1비트코인의 1억분의 1이에요.",
    helpHow: "지갑을 설치하고(휴대폰은 Phoenix나 Blink, 브라우저는 Alby) 조금만 충전한 다음, 코드를 스캔하고 확인하면 돼요. 보던 자리는 그대로 남아 있어요.",
  },
};

const connect = {
  en: {
    connectHow: "Paste the connection that your wallet makes for Nostr Wallet Connect. Give it a small budget: what runs on this page can spend it.",
    connection: "Connection",
    connectKeep: "Keep it in this browser, for this site",
    connectPay: "Pay with it",
    connectWrong: "This is no whole connection. It starts with nostr+walletconnect and names a relay and a secret.",
    connected: "Your wallet is connected.",
    disconnect: "Disconnect",
  },
  ko: {
    connectHow: "지갑에서 만든 Nostr Wallet Connect 연결 주소를 붙여 넣으세요. 이 페이지의 스크립트도 쓸 수 있으니 한도는 작게 정해 주세요.",
    connection: "연결 주소",
    connectKeep: "이 사이트에서 쓰도록 이 브라우저에 저장하기",
    connectPay: "이 지갑으로 결제하기",
    connectWrong: "연결 주소가 완전하지 않아요. nostr+walletconnect로 시작하고 릴레이와 비밀 키가 들어 있어야 해요.",
    connected: "지갑이 연결되어 있어요.",
    disconnect: "연결 끊기",
  },
};

const recover = {
  en: {
    code: "Recovery code, from the receipt",
    codeOpen: "Open it",
    codeUnknown: "This code opens nothing here; compare it with the receipt, letter by letter.",
    codeMalformed: "A recovery code has twelve letters and digits, like 7KQ2-M4XD-9TRA.",
    codeTries: "That was too many tries. Come back in a minute.",
    codeElse: "This code opens something else. Enter it on the page that you paid on.",
  },
  ko: {
    code: "영수증에 있는 복구 코드",
    codeOpen: "열기",
    codeUnknown: "이 코드로는 아무것도 열리지 않아요. 영수증의 코드와 한 글자씩 비교해 보세요.",
    codeMalformed: "복구 코드는 7KQ2-M4XD-9TRA처럼 영문자와 숫자 12자리로 되어 있어요.",
    codeTries: "너무 여러 번 시도했어요. 1분 후에 다시 시도해 주세요.",
    codeElse: "다른 콘텐츠의 코드예요. 결제했던 페이지에서 입력해 주세요.",
  },
};

export type PageId = keyof typeof page.en;
export type MessageId = PageId | keyof typeof opened.en | keyof typeof tipping.en | keyof typeof sheet.en
  | keyof typeof help.en | keyof typeof connect.en | keyof typeof recover.en;
export type Words = Record<MessageId, string>;
/** Words of one file, by language. */
export type Part = Record<string, Partial<Words>>;

// What English has, Korean must have too, and nothing else.
type Whole<P extends { en: object; ko: object }> = keyof P["en"] extends keyof P["ko"] ? (keyof P["ko"] extends keyof P["en"] ? P : never) : never;
const whole = <P extends { en: object; ko: object }>(part: Whole<P>): Whole<P> & Part => part as Whole<P> & Part;

export const PAGE = /* @__PURE__ */ whole<typeof page>(page);
export const OPENED = /* @__PURE__ */ whole<typeof opened>(opened);
export const TIPPING = /* @__PURE__ */ whole<typeof tipping>(tipping);
export const SHEET = /* @__PURE__ */ whole<typeof sheet>(sheet);
export const HELP = /* @__PURE__ */ whole<typeof help>(help);
export const CONNECT = /* @__PURE__ */ whole<typeof connect>(connect);
export const RECOVER = /* @__PURE__ */ whole<typeof recover>(recover);
