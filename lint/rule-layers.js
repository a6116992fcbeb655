import { dirname, relative, resolve, sep } from 'node:path';
import { layerFault } from './layers.js';

/** ESLint rule: an import must be one that the table of layers allows. */
export const layersRule = {
  meta: { type: 'problem', schema: [], messages: { fault: '{{ fault }}' } },
  create(context) {
    const root = context.cwd;
    const below = (path) => relative(root, path).split(sep).join('/');
    const check = (node) => {
      const source = node.source?.value;
      if (typeof source !== 'string') return;
      const isRelative = source.startsWith('.');
      const target = isRelative ? below(resolve(dirname(context.filename), source)) : source;
      const specifiers = node.specifiers ?? [];
      const kind = node.importKind ?? node.exportKind;
      const typeOnly =
        kind === 'type' ||
        (specifiers.length > 0 && specifiers.every((one) => (one.importKind ?? one.exportKind) === 'type'));
      const fault = layerFault(below(context.filename), target, { relative: isRelative, typeOnly });
      if (fault !== null) context.report({ node, messageId: 'fault', data: { fault } });
    };
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
    };
  },
};
