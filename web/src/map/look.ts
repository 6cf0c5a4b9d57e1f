// How types look: a colour and a shape each, and the theme they stand under. Known types have their place; others get one
// by the order of their names, so that the same city looks the same to everybody.
import {bare, spaced} from '../i18n';

export type Theme = 'mobility' | 'environment' | 'energy' | 'safety' | 'places' | 'other';
export const themes: Theme[] = ['mobility', 'environment', 'energy', 'safety', 'places', 'other'];

export type ShapeName = 'circle' | 'square' | 'diamond' | 'triangle' | 'hexagon';
export const shapeNames: ShapeName[] = ['circle', 'square', 'diamond', 'triangle', 'hexagon'];

export interface Look {
  theme: Theme;
  colour: number; // index into palettes
  shape: number; // index into shapeNames
  kind: 'point' | 'line' | 'area'; // as legends draw it; a map goes by the geometry
}
export const quiet = 10; // the colour of what lies under the rest

// Each at least 3:1 against the map's ground, light and dark (WCAG 2.2, 1.4.11).
export const palettes = {
  light: ['#2767c9', '#b4500b', '#1b7f45', '#7d43c0', '#bf2f3b', '#0d7480', '#ad2f79', '#846100', '#474cc4', '#805234', '#4c6072', '#56760d'],
  dark: ['#74abff', '#ff9f5f', '#5fd48c', '#c196ff', '#ff8688', '#54d2da', '#ff8cc4', '#e9bf4a', '#a3a8ff', '#dcab88', '#abc0d0', '#b9dc58'],
};

// Beginnings of the words that a type's name is made of.
const words: [Theme, RegExp][] = [
  ['mobility', /\b(bus|transit|transport|traffic|vehicle|road|street(?!light)|lane|bike|bicycle|scooter|parking|gtfs|stop|route|trip|train|subway|signal|taxi|crossing)/],
  ['environment', /\b(air|weather|water|noise|tree|green|river|flood|rain|waste|climate|temperature|environment)/],
  ['energy', /\b(energy|ev\b|charg|power|streetlight|light|grid|meter|solar|battery|heat)/],
  ['safety', /\b(alert|alarm|emergenc|fire|police|hospital|health|incident|accident|ambulance|clinic|pharmacy|aed\b|shelter)/],
  ['places', /\b(school|library|building|neighbourhood|district|area|park|shop|museum|point|place|room|office|zone|parcel|facility|bench|land)/],
];

const under: ['line' | 'area', RegExp][] = [
  ['line', /^(road|street|lane|route|river)\b|\b(segment|link)\b/],
  ['area', /^(land use|park|water|building|neighbourhood|district|area|zone|parcel|region|municipality)\b/],
];

export function themeOf(type: string): Theme {
  const name = spaced(bare(type)).toLowerCase();
  return words.find(([, pattern]) => pattern.test(name))?.[0] ?? 'other';
}

function kindOf(type: string): Look['kind'] {
  const name = spaced(bare(type)).toLowerCase();
  return under.find(([, pattern]) => pattern.test(name))?.[0] ?? 'point';
}

/** A look for each of the types that there are. `extents`: what types were seen to be, where they are no points. */
export function looks(types: string[], extents: ReadonlyMap<string, 'line' | 'area'> = new Map()): Map<string, Look> {
  const made = new Map<string, Look>();
  const sorted = [...types].sort((a, b) => themes.indexOf(themeOf(a)) - themes.indexOf(themeOf(b)) || (bare(a) < bare(b) ? -1 : 1));
  const colours = palettes.light.map((_, i) => i).filter((i) => i !== quiet);
  let i = 0;
  for (const type of sorted) {
    const [theme, kind] = [themeOf(type), kindOf(type)];
    if (kind !== 'point') {
      made.set(type, {theme, kind, colour: quiet, shape: 0});
      continue;
    }
    const round = Math.floor(i / colours.length);
    made.set(type, {theme, kind: extents.get(type) ?? kind, colour: colours[i % colours.length]!, shape: (i + round) % shapeNames.length});
    ++i;
  }
  return made;
}

/** Paths in a box from -1 to 1, for legends. */
export const shapePaths: Record<ShapeName, string> = {
  circle: 'M-.8 0a.8.8 0 1 0 1.6 0a.8.8 0 1 0-1.6 0z',
  square: 'M-.7-.7h1.4v1.4h-1.4z',
  diamond: 'M0-.95.95 0 0 .95-.95 0z',
  triangle: 'M0-.85.9.7h-1.8z',
  hexagon: 'M.85 0 .42.74h-.84L-.85 0-.42-.74h.84z',
};
