const n = size || 10;
const rounds = 8;
const columnFree = [], risingFree = [], fallingFree = [], placed = [];
let solutions, checksum;
function place(row) {
  if (row > n) {
    solutions++;
    for (let i = 1; i <= n; i++) checksum = (checksum * 3 + placed[i]) % 1000003;
    return;
  }
  for (let column = 1; column <= n; column++) {
    const rising = row + column, falling = row - column + n;
    if (columnFree[column] && risingFree[rising] && fallingFree[falling]) {
      placed[row] = column;
      columnFree[column] = risingFree[rising] = fallingFree[falling] = false;
      place(row + 1);
      columnFree[column] = risingFree[rising] = fallingFree[falling] = true;
    }
  }
}
for (let round = 0; round < rounds; round++) {
  solutions = 0;
  checksum = 0;
  for (let i = 0; i <= 2 * n; i++) columnFree[i] = risingFree[i] = fallingFree[i] = true;
  place(1);
}
return solutions + " " + checksum;
