import { useEffect, useRef } from "react";
import { useLocation } from "wouter";

/** The link each page was left by. */
const left = new Map<string, string>();

/** After going on, the focus starts at the top of the new page; after going back, where it was. */
export function usePlace() {
  const [path] = useLocation();
  const first = useRef(true);
  const onward = useRef(false);

  useEffect(() => {
    const leave = (event: MouseEvent) => {
      const href = (event.target as Element).closest("a[href]")?.getAttribute("href");
      if (!href || href.startsWith("#")) return;
      left.set(location.pathname, href);
      onward.current = true;
    };
    document.addEventListener("click", leave, true);
    return () => document.removeEventListener("click", leave, true);
  }, []);

  useEffect(() => {
    // A change of the path without a click on a link is a step through the browser's history.
    const back = !onward.current;
    onward.current = false;
    if (first.current) {
      first.current = false;
      return;
    }
    const href = back && left.get(path);
    const link = href && document.querySelector<HTMLElement>(`main a[href="${CSS.escape(href)}"]`);
    if (link) {
      link.focus();
    } else {
      if (!back) window.scrollTo(0, 0);
      document.getElementById("main")?.focus({ preventScroll: true });
    }
  }, [path]);
}
