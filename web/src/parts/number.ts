const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

/** "41K", "1.2M", "0.3". */
export const rateText = (perSecond: number) => short.format(perSecond);

/** "32K to 41K records/s": the least and the most of some rates. */
export function rangeText(rates: readonly number[], unit: string): string {
  const [least, most] = [rateText(Math.min(...rates)), rateText(Math.max(...rates))];
  return least === most ? `${least} ${unit}` : `${least} to ${most} ${unit}`;
}

/** A share as whole per cent; what is not zero is never shown as zero. */
export function percentText(share: number): string {
  const percent = Math.round(share * 100);
  return percent === 0 && share > 0 ? "<1 %" : `${percent} %`;
}
