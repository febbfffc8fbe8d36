/** A wallet in the browser, as WebLN gives it to the page. */

interface WebLn {
  enable(): Promise<unknown>;
  sendPayment(paymentRequest: string): Promise<unknown>;
}

/** Looked for at the tap: extensions put it into the page late. */
export function webLn(): WebLn | undefined {
  return (globalThis as { webln?: WebLn }).webln;
}
