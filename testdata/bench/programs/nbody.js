const n = size || 60000;
const PI = 3.141592653589793, SOLAR_MASS = 4 * PI * PI, YEAR = 365.24;
function body(x, y, z, vx, vy, vz, mass) {
  return {x: x, y: y, z: z, vx: vx * YEAR, vy: vy * YEAR, vz: vz * YEAR, mass: mass * SOLAR_MASS};
}
const bodies = [
  body(0, 0, 0, 0, 0, 0, 1),
  body(4.84143144246472090, -1.16032004402742839, -0.103622044471123109,
    0.00166007664274403694, 0.00769901118419740425, -0.0000690460016972063023, 0.000954791938424326609),
  body(8.34336671824457987, 4.12479856412430479, -0.403523417114321381,
    -0.00276742510726411, 0.00499852801234917238, 0.0000230417297573763929, 0.000285885980666130812),
  body(12.8943695621391310, -15.1111514016986312, -0.223307578892655734,
    0.00296460137564761618, 0.00237847173959480950, -0.0000296589568540237556, 0.0000436624404335156298),
  body(15.3796971148509165, -25.9193146099879641, 0.179258772950371181,
    0.00268067772490389322, 0.00162824170038242295, -0.0000951592254519715870, 0.0000515138902046611451),
];
function advance(dt) {
  const count = bodies.length;
  for (let i = 0; i < count; i++) {
    const a = bodies[i];
    for (let j = i + 1; j < count; j++) {
      const b = bodies[j];
      const dx = a.x - b.x, dy = a.y - b.y, dz = a.z - b.z;
      const squared = dx * dx + dy * dy + dz * dz;
      const pull = dt / (squared * Math.sqrt(squared));
      a.vx = a.vx - dx * b.mass * pull;
      a.vy = a.vy - dy * b.mass * pull;
      a.vz = a.vz - dz * b.mass * pull;
      b.vx = b.vx + dx * a.mass * pull;
      b.vy = b.vy + dy * a.mass * pull;
      b.vz = b.vz + dz * a.mass * pull;
    }
  }
  for (let i = 0; i < count; i++) {
    const a = bodies[i];
    a.x = a.x + dt * a.vx;
    a.y = a.y + dt * a.vy;
    a.z = a.z + dt * a.vz;
  }
}
function energy() {
  let e = 0;
  for (let i = 0; i < bodies.length; i++) {
    const a = bodies[i];
    e = e + 0.5 * a.mass * (a.vx * a.vx + a.vy * a.vy + a.vz * a.vz);
    for (let j = i + 1; j < bodies.length; j++) {
      const b = bodies[j];
      const dx = a.x - b.x, dy = a.y - b.y, dz = a.z - b.z;
      e = e - a.mass * b.mass / Math.sqrt(dx * dx + dy * dy + dz * dz);
    }
  }
  return e;
}
let px = 0, py = 0, pz = 0;
for (const b of bodies) {
  px = px + b.vx * b.mass;
  py = py + b.vy * b.mass;
  pz = pz + b.vz * b.mass;
}
bodies[0].vx = -px / SOLAR_MASS;
bodies[0].vy = -py / SOLAR_MASS;
bodies[0].vz = -pz / SOLAR_MASS;
const before = energy();
for (let i = 0; i < n; i++) advance(0.01);
return before.toFixed(9) + " " + energy().toFixed(9);
