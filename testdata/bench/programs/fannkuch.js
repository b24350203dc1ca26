const n = size || 9;
function fannkuch(n) {
  const cards = [0], work = [0], counts = [0];
  for (let i = 1; i <= n; i++) {
    cards[i] = i;
    counts[i] = i;
  }
  let checksum = 0, most = 0, sign = 1;
  for (;;) {
    let first = cards[1];
    if (first !== 1) {
      for (let i = 2; i <= n; i++) work[i] = cards[i];
      let flips = 1;
      for (;;) {
        const nextFirst = work[first];
        if (nextFirst === 1) break;
        work[first] = first;
        for (let low = 2, high = first - 1; low < high; low++, high--) {
          const t = work[low];
          work[low] = work[high];
          work[high] = t;
        }
        first = nextFirst;
        flips++;
      }
      checksum = checksum + sign * flips;
      if (flips > most) most = flips;
    }
    if (sign === 1) {
      const t = cards[1];
      cards[1] = cards[2];
      cards[2] = t;
      sign = -1;
    } else {
      const t = cards[2];
      cards[2] = cards[3];
      cards[3] = t;
      sign = 1;
      let i = 3;
      for (;;) {
        const left = counts[i];
        if (left !== 1) {
          counts[i] = left - 1;
          break;
        }
        if (i === n) return checksum + " " + most;
        counts[i] = i;
        const moved = cards[1];
        for (let j = 1; j <= i; j++) cards[j] = cards[j + 1];
        i++;
        cards[i] = moved;
      }
    }
  }
}
return fannkuch(n);
