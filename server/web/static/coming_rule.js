/* When somebody whose positions are seen one after the other is approaching, near, or has left.

   The same rule as server/arrivals/watching.py and shapes.py, here so that positions need not leave the phone.
   tests/vectors/fences.json holds the two to each other: change both or neither. */

const EARTH_M = 6371008.8;
const MOST_UNCERTAIN_M = 1000;
const FASTEST_MPS = 22;
const FEWEST_FIXES = 3;
const LONGEST_GAP_S = 600;
const LEAVING_S = 120;
const DETOUR = 1.3;
const SLOWEST_MPS = 0.5;
const LONGEST_ESTIMATE_MIN = 60;

const NOTHING = { fixes: 0, since_s: 0 };

/** What is remembered of somebody of whom nothing is known yet: counts and times, never a place. */
export const UNKNOWN = {
  place: "away",
  near: NOTHING,
  approaching: NOTHING,
  outside: NOTHING,
  last_s: 0,
};

const radians = (degrees) => (degrees * Math.PI) / 180;

/** Metres east and north of an origin, on a plane that touches the earth there; the shorter way round the earth. */
function spot([longitude, latitude], origin) {
  const turn = ((((longitude - origin[0] + 540) % 360) + 360) % 360) - 180;
  return [
    EARTH_M * radians(turn) * Math.cos(radians(origin[1])),
    EARTH_M * radians(latitude - origin[1]),
  ];
}

/** Metres between two positions [longitude, latitude]. */
export const metresBetween = (one, other) => Math.hypot(...spot(other, one));

/** Metres from a position to the edge of a circle or polygon (GeoJSON); negative within. */
export function distance(shape, longitude, latitude) {
  if (shape.type === "Point") {
    return Math.hypot(...spot([longitude, latitude], shape.coordinates)) - shape.radius_m;
  }
  const ring = shape.coordinates[0];
  const [x, y] = spot([longitude, latitude], ring[0]);
  let nearest = Infinity;
  let within = false;
  for (let index = 1; index < ring.length; index += 1) {
    const [ax, ay] = spot(ring[index - 1], ring[0]);
    const [bx, by] = spot(ring[index], ring[0]);
    const length = (bx - ax) ** 2 + (by - ay) ** 2;
    const along = length && Math.min(1, Math.max(0, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length));
    nearest = Math.min(nearest, Math.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay)));
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) within = !within;
  }
  return within ? -nearest : nearest;
}

const lasted = (count, at, seconds) => count.fixes >= FEWEST_FIXES && at - count.since_s >= seconds;

function counted(count, toEdge, fix, anew, stays) {
  if (toEdge <= -fix.accuracy_m) {
    if (!stays) return NOTHING;
    const first = anew || !count.fixes;
    return first
      ? { fixes: 1, since_s: fix.at_s }
      : { fixes: count.fixes + 1, since_s: count.since_s };
  }
  if (toEdge >= fix.accuracy_m) return NOTHING;
  return anew ? NOTHING : count;
}

/** Take one more fix {latitude, longitude, accuracy_m, at_s, speed_mps|null}.

    Returns [what is remembered from now on, {kind, expected_min|null} or null]. */
export function weigh(watched, fix, rings) {
  if (fix.at_s <= watched.last_s || !(fix.accuracy_m >= 0 && fix.accuracy_m <= MOST_UNCERTAIN_M)) {
    return [watched, null];
  }
  const anew = fix.at_s - watched.last_s > LONGEST_GAP_S;
  const passing = fix.speed_mps !== null && fix.speed_mps > FASTEST_MPS;
  const toNear = distance(rings.near, fix.longitude, fix.latitude);
  const toApproaching = distance(rings.approaching, fix.longitude, fix.latitude);
  const next = {
    place: watched.place,
    near: counted(watched.near, toNear, fix, anew, !passing),
    approaching: counted(watched.approaching, toApproaching, fix, anew, !passing),
    outside: counted(watched.outside, -toApproaching, fix, anew, true),
    last_s: fix.at_s,
  };
  if (next.place !== "near" && lasted(next.near, fix.at_s, rings.near_dwell_s)) {
    return [{ ...next, place: "near" }, { kind: "near", expected_min: null }];
  }
  if (next.place === "away" && lasted(next.approaching, fix.at_s, rings.approaching_dwell_s)) {
    const expected = minutesFor(toNear, fix.speed_mps);
    return [{ ...next, place: "approaching" }, { kind: "approaching", expected_min: expected }];
  }
  if (next.place !== "away" && lasted(next.outside, fix.at_s, LEAVING_S)) {
    return [{ ...next, place: "away" }, { kind: "left", expected_min: null }];
  }
  return [next, null];
}

/** The minutes that are left, or null where speed or distance allow no honest guess. */
export function minutesFor(metres, speed) {
  if (speed === null || speed < SLOWEST_MPS) return null;
  const minutes = Math.max(1, Math.ceil((Math.max(metres, 0) * DETOUR) / speed / 60));
  return minutes <= LONGEST_ESTIMATE_MIN ? minutes : null;
}
