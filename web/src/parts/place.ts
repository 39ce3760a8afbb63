import { useEffect, useRef } from "react";
import { useLocation } from "wouter";

const left = new Map<string, string>();

/** After going on, the focus starts at the top of the new page; after going back, where it was. */
export function usePlace() {
  const [path] = useLocation();
  const first = useRef(true);
  const back = useRef(false);
  const here = useRef(path);

  useEffect(() => {
    const note = () => {
      const href = document.activeElement?.getAttribute("href");
      if (href) left.set(location.pathname, href);
    };
    const goBack = () => {
      // A jump within the page comes here as well.
      back.current = location.pathname !== here.current;
    };
    document.addEventListener("click", note, true);
    window.addEventListener("popstate", goBack);
    return () => {
      document.removeEventListener("click", note, true);
      window.removeEventListener("popstate", goBack);
    };
  }, []);

  useEffect(() => {
    here.current = path;
    if (first.current) {
      first.current = false;
      return;
    }
    const href = back.current ? left.get(path) : undefined;
    back.current = false;
    const link = href && document.querySelector<HTMLElement>(`main a[href="${CSS.escape(href)}"]`);
    if (link) {
      link.focus();
    } else {
      if (!location.hash) window.scrollTo(0, 0);
      document.getElementById("main")?.focus({ preventScroll: true });
    }
  }, [path]);
}
