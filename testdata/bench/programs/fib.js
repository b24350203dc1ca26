const n = size || 32;
function fib(n) {
  if (n < 2) return n;
  return fib(n - 1) + fib(n - 2);
}
return String(fib(n));
