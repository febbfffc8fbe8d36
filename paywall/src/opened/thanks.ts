import type { PaidProduct } from "../interfaces.js";

/** What is said to a reader who has paid, in a language that has the words of what was opened. */
export function thanks({ product, language, again }: PaidProduct): string {
  const { creator: name, amount_msat } = product.terms(language);
  if (again) return language.say("yours");
  if (!product.reopens) return language.say("thanks", { name });
  return language.say("paid", { amount: language.say("amount", { sat: language.sat(amount_msat) }), name });
}
