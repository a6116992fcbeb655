/** What may import what: the table of the design, as data. Folders by name, packages by pattern. */
export const LAYERS = {
  domain: { folders: ['domain'], packages: ['liquidjs'] },
  workflows: {
    folders: ['domain', 'workflows'],
    packages: ['@temporalio/workflow', '@temporalio/common'],
    types: ['activities'],
  },
  activities: {
    folders: ['domain', 'activities'],
    packages: ['@temporalio/activity', '@temporalio/common', 'node:crypto'],
  },
  channels: {
    folders: ['domain', 'channels'],
    packages: ['node:*', 'web-push', 'undici', 'apn', 'ipaddr.js', 'standardwebhooks'],
  },
  db: { folders: ['domain', 'db'], packages: ['node:*', 'mongoose'] },
  api: {
    folders: ['domain', 'api'],
    files: ['workflows/contract.ts'],
    packages: [
      'node:*',
      '@temporalio/client',
      '@temporalio/common',
      'express',
      'zod',
      'prom-client',
      'swagger-ui-dist',
      'sharp',
      'node-forge',
      'yazl',
    ],
  },
  runtime: {
    folders: ['runtime'],
    files: ['workflows/contract.ts'],
    types: ['config.ts'],
    packages: ['node:*', '@temporalio/client', 'pino'],
  },
  web: { folders: ['web'], types: ['domain'], packages: ['node:*', 'esbuild'] },
};

/** A composition root inside a layer; what stands outside of these folders may import everything as well. */
const ROOTS = ['api/server.ts'];

/**
 * @param {string} file path of the importing file below the repository, with forward slashes
 * @param {string} target path of what it imports below the repository, or the name of a package
 * @param {{ relative: boolean, typeOnly: boolean }} how
 * @returns {string | null} the fault
 */
export function layerFault(file, target, { relative, typeOnly }) {
  const layer = LAYERS[file.split('/')[0]];
  if (layer === undefined || ROOTS.includes(file)) return null;
  const folder = file.split('/')[0];
  if (!relative) {
    const allowed = layer.packages.some((name) => matches(name, target));
    return allowed ? null : `${folder}/ may not import the package ${target}`;
  }
  const within = (list = []) => list.some((place) => target === place || target.startsWith(`${place}/`));
  if (within(layer.folders) || within(layer.files) || (typeOnly && within(layer.types))) return null;
  return `${folder}/ may not import ${target}${within(layer.types) ? ' but for its types' : ''}`;
}

function matches(pattern, name) {
  if (pattern.endsWith('*')) return name.startsWith(pattern.slice(0, -1));
  return name === pattern || name.startsWith(`${pattern}/`);
}
