const n = size || 500;
let inside = 0, escape = 0;
for (let row = 0; row < n; row++) {
  const ci = 2 * row / n - 1;
  for (let column = 0; column < n; column++) {
    const cr = 2 * column / n - 1.5;
    let zr = 0, zi = 0, rr = 0, ii = 0, round = 0;
    while (round < 50 && rr + ii <= 4) {
      zi = 2 * zr * zi + ci;
      zr = rr - ii + cr;
      rr = zr * zr;
      ii = zi * zi;
      round++;
    }
    if (round === 50) inside++; else escape = escape + round;
  }
}
return inside + " " + escape;
