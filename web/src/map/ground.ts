// What lies under a city's moving things: streets, buildings, parks and water, as vector tiles that the server makes of its
// entities; and types that are too many to be streamed, in the same way.
import type {LayerSpecification, VectorSourceSpecification} from './maplibre';

import {bare} from '../i18n';
import {palettes, quiet, type Look} from './look';

export type Role = 'land' | 'building' | 'street';
const roles: [Role, RegExp][] = [
  ['land', /^(LandUse|Park|Water(way|Body)?|GreenSpace)$/],
  ['building', /^Building(Part)?$/],
  ['street', /^(Road|RoadSegment|Street|StreetSegment)$/],
];

/** Types that make a base map: they do not move, and there are many of them. */
export function roleOf(type: string): Role | undefined {
  return roles.find(([, pattern]) => pattern.test(bare(type)))?.[0];
}

const mostLayers = 8; // of one tile
const shades = {
  light: {park: '#d5e6d3', water: '#c6dde8', land: '#e3e9df', building: '#dde1de', edge: '#cdd3d0', street: '#ffffff', casing: '#cfd6d3', name: '#5b6864', halo: '#f7faf9'},
  dark: {park: '#1b2b22', water: '#152a35', land: '#19231f', building: '#212a27', edge: '#2c3733', street: '#34403c', casing: '#1a2320', name: '#9fb0aa', halo: '#131a18'},
};

/** Sources, a few types each: a source is a name and what it draws. */
export function sources(types: string[]): Record<string, VectorSourceSpecification> {
  const made: Record<string, VectorSourceSpecification> = {};
  for (let at = 0; at < types.length; at += mostLayers) {
    const names = types.slice(at, at + mostLayers).map(encodeURIComponent).join(',');
    made['tiles' + at] = {type: 'vector', tiles: [`${location.origin}/tiles/${names}/{z}/{x}/{y}.mvt`], minzoom: 0, maxzoom: 16};
  }
  return made;
}

const wide = (narrow: number, width: number) => ['interpolate', ['exponential', 1.6], ['zoom'], 11, narrow, 14, narrow + width / 8, 18, width];
const major = ['match', ['get', 'roadClass'], ['motorway', 'trunk', 'primary'], 1, ['secondary', 'tertiary'], 0.72, ['footway', 'path', 'steps', 'cycleway'], 0.16, 0.42];
const broad = (base: number) => ['interpolate', ['exponential', 1.6], ['zoom'], 11, ['*', major, base * 0.12], 14, ['*', major, base * 0.4], 18, ['*', major, base * 2.6]];

/** Layers of the tiles, from the ground up. */
export function layers(types: string[], looks: Map<string, Look>, shown: (type: string) => boolean, dark: boolean): LayerSpecification[] {
  const ink = dark ? shades.dark : shades.light;
  const palette = dark ? palettes.dark : palettes.light;
  const placed = types.map((type, i) => ({type, source: 'tiles' + Math.floor(i / mostLayers) * mostLayers, role: roleOf(type)}));
  const made: unknown[] = [];
  const add = (of: {type: string; source: string}, part: string, kind: string, more: Record<string, unknown>) =>
    made.push({
      id: `tiles-${of.type}-${part}`, type: kind, source: of.source, 'source-layer': of.type, ...more,
      layout: {...(more.layout as object), visibility: shown(of.type) ? 'visible' : 'none'},
    });
  const of = (role: Role | undefined) => placed.filter((one) => one.role === role);
  for (const one of of('land'))
    add(one, 'area', 'fill', {
      filter: ['==', ['geometry-type'], 'Polygon'],
      paint: {'fill-color': ['case', ['any', ['==', ['get', 'natural'], 'water'], ['has', 'waterway']], ink.water, ['any', ['==', ['get', 'leisure'], 'park'], ['in', ['coalesce', ['get', 'natural'], ''], ['literal', ['wood', 'grassland', 'scrub']]]], ink.park, ink.land]},
    });
  for (const one of of('building'))
    add(one, 'area', 'fill', {minzoom: 13, filter: ['==', ['geometry-type'], 'Polygon'], paint: {'fill-color': ink.building, 'fill-outline-color': ink.edge, 'fill-opacity': ['interpolate', ['linear'], ['zoom'], 13, 0.3, 15, 1]}});
  const line = {filter: ['==', ['geometry-type'], 'LineString'], layout: {'line-cap': 'round', 'line-join': 'round'}};
  for (const one of of('street')) add(one, 'casing', 'line', {...line, minzoom: 12, paint: {'line-color': ink.casing, 'line-width': ['interpolate', ['exponential', 1.6], ['zoom'], 12, ['+', ['*', major, 1.4], 0.8], 14, ['+', ['*', major, 5.5], 1.4], 18, ['+', ['*', major, 36], 2]]}});
  for (const one of of('street')) add(one, 'line', 'line', {...line, paint: {'line-color': ink.street, 'line-width': broad(13.8)}});
  for (const one of of(undefined)) {
    const colour = palette[looks.get(one.type)?.colour ?? quiet]!;
    add(one, 'area', 'fill', {filter: ['==', ['geometry-type'], 'Polygon'], paint: {'fill-color': colour, 'fill-opacity': 0.15}});
    add(one, 'line', 'line', {...line, paint: {'line-color': colour, 'line-width': wide(0.8, 5), 'line-opacity': 0.6}});
    add(one, 'point', 'circle', {filter: ['==', ['geometry-type'], 'Point'], paint: {'circle-color': colour, 'circle-radius': ['interpolate', ['linear'], ['zoom'], 9, 1.4, 17, 6]}});
  }
  return made as LayerSpecification[];
}

/** Names of streets, parks and waters; they lie above what moves not. */
export function nameLayers(types: string[], shown: (type: string) => boolean, dark: boolean, language: string, fonts: string[]): LayerSpecification[] {
  const ink = dark ? shades.dark : shades.light;
  return types.flatMap((type, i) => {
    const role = roleOf(type);
    if (role !== 'street' && role !== 'land') return [];
    return {
      id: `tiles-${type}-name`, type: 'symbol', source: 'tiles' + Math.floor(i / mostLayers) * mostLayers, 'source-layer': type, minzoom: role === 'street' ? 13.5 : 12.5, filter: ['has', 'name'],
      layout: {
        'text-field': ['coalesce', ['get', 'name:' + language], ['get', 'name']], 'text-font': fonts, 'text-size': 11, 'text-padding': 6,
        visibility: shown(type) ? 'visible' : 'none', ...(role === 'street' ? {'symbol-placement': 'line', 'symbol-spacing': 320} : {}),
      },
      paint: {'text-color': ink.name, 'text-halo-color': ink.halo, 'text-halo-width': 1.3},
    } as unknown as LayerSpecification;
  });
}
