const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

/** "41K", "1.2M", "0.3". */
export const rateText = (perSecond: number) => short.format(perSecond);

/** A share as whole per cent; what is not zero is never shown as zero. */
export function percentText(share: number): string {
  const percent = Math.round(share * 100);
  return percent === 0 && share > 0 ? "<1 %" : `${percent} %`;
}
