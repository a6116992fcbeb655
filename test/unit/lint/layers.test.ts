import { expect } from 'chai';
import { ESLint } from 'eslint';

/** What the project's own configuration says to a file that holds this import. */
async function faultsOf(filePath: string, code: string): Promise<string[]> {
  const eslint = new ESLint({ overrideConfig: { rules: {} } });
  const config = (await eslint.calculateConfigForFile(filePath)) as {
    plugins: object;
    languageOptions: object;
  };
  const only = new ESLint({
    overrideConfigFile: true,
    overrideConfig: [
      {
        files: ['**/*.ts'],
        plugins: config.plugins as never,
        languageOptions: { parser: (config.languageOptions as { parser: never }).parser },
        rules: { 'beckon/layers': 'error' },
      },
    ],
  });
  const [result] = await only.lintText(code, { filePath });
  return (result?.messages ?? []).map((message) => message.message);
}

describe('the table of layers', function () {
  this.timeout(30_000);
  const refused: [string, string][] = [
    ['domain/x.ts', "import { readFile } from 'node:fs';"],
    ['domain/x.ts', "import { y } from '../db/y.ts';"],
    ['workflows/x.ts', "import { createRunActivities } from '../activities/run-activities.ts';"],
    ['workflows/x.ts', "import { Client } from '@temporalio/client';"],
    ['activities/x.ts', "import { y } from '../db/y.ts';"],
    ['activities/x.ts', "import { y } from '../channels/web-push/y.ts';"],
    ['channels/web-push/x.ts', "import { y } from '../../db/y.ts';"],
    ['db/x.ts', "import { y } from '../channels/web-push/y.ts';"],
    ['api/events/x.ts', "import { y } from '../../db/events.ts';"],
    ['api/events/x.ts', "import { y } from '../../workflows/campaign.ts';"],
    ['api/events/x.ts', "export { y } from '../../db/events.ts';"],
    ['api/events/x.ts', "const y = await import('../../db/events.ts');"],
    ['web/x.ts', "import { y } from '../domain/y.ts';"],
  ];
  for (const [file, code] of refused) {
    it(`refuses in ${file}: ${code}`, async () => {
      expect(await faultsOf(file, code)).to.have.length(1);
    });
  }
  const allowed: [string, string][] = [
    ['workflows/x.ts', "import type { RunActivities } from '../activities/run-activities.ts';"],
    ['api/events/x.ts', "import { TASK_QUEUE } from '../../workflows/contract.ts';"],
    ['api/server.ts', "import { y } from '../db/events.ts';"],
    ['web/x.ts', "import type { PushPayload } from '../domain/push-payload.ts';"],
  ];
  for (const [file, code] of allowed) {
    it(`allows in ${file}: ${code}`, async () => {
      expect(await faultsOf(file, code)).to.deep.equal([]);
    });
  }
});
