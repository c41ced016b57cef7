/** What is for sale, in cents. */
export const PRICES_CENTS: Readonly<Record<string, number>> = {
  lamp: 2_490,
  chair: 8_900,
  desk: 21_900,
  shelf: 5_450,
};
