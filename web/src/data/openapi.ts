// The server's description of itself (OpenAPI 3.1), as the reference page shows it.
import {get} from './client';

export interface Parameter {
  name: string;
  in: string;
  description?: string;
  required?: boolean;
  schema?: Schema;
  $ref?: string;
}
export interface Schema {
  type?: string | string[];
  enum?: string[];
  items?: Schema;
  format?: string;
  $ref?: string;
  [more: string]: unknown;
}
export interface Operation {
  operationId: string;
  summary: string;
  tags?: string[];
  parameters?: Parameter[];
  requestBody?: {content: Record<string, {schema?: Schema}>};
  responses: Record<string, {description: string; content?: Record<string, unknown>}>;
  security?: unknown[];
}
interface Document {
  info: {title: string; version: string; description?: string};
  paths: Record<string, Record<string, Operation>>;
  components: {parameters?: Record<string, Parameter>; schemas?: Record<string, Schema>};
}
export interface Entry {
  method: string;
  path: string;
  operation: Operation;
  parameters: Parameter[];
  group: string;
}
export interface Reference {
  version: string;
  entries: Entry[];
  schemas: Record<string, Schema>;
}

export async function reference(): Promise<Reference> {
  const document = await get<Document>('/openapi.json');
  const shared = document.components.parameters ?? {};
  const entries = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation,
      group: groupOf(path),
      parameters: (operation.parameters ?? []).map((one) => (one.$ref ? shared[one.$ref.split('/').pop()!]! : one)).filter(Boolean),
    })),
  );
  return {version: document.info.version, entries, schemas: document.components.schemas ?? {}};
}

/** The first segment that says what it is about. */
function groupOf(path: string): string {
  const segments = path.split('/').filter(Boolean);
  const named = segments[0] === 'ngsi-ld' ? segments.slice(2) : segments;
  return (segments[0] === 'ngsi-ld' ? '' : '/') + (named[0] === 'temporal' ? 'temporal' : (named[0] ?? ''));
}

export function typeOf(schema: Schema | undefined): string {
  if (!schema) return '';
  if (schema.$ref) return schema.$ref.split('/').pop()!;
  const type = Array.isArray(schema.type) ? schema.type.join(' | ') : (schema.type ?? '');
  if (schema.items) return typeOf(schema.items) + '[]';
  return schema.format ? `${type} (${schema.format})` : type;
}
