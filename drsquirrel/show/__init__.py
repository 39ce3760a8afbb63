"""Show: the report document as text; the page of the browser lies beside it once it is built."""
