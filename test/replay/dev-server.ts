import { defineSearchAttributeKey } from '@temporalio/common';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { SEARCH_ATTRIBUTES } from '../../workflows/contract.ts';
import { serverBinaries } from '../support/servers.ts';
import { quietWorkers, withinItsTime } from '../support/time-skipping-server.ts';

/**
 * Starts a real Temporal server, in memory.
 *
 * @param options.continueAsNewAt from how many history events on the server suggests to continue as new; its own
 *   rule is 4,096
 */
export async function startDevServer(
  options: { continueAsNewAt?: number } = {},
): Promise<TestWorkflowEnvironment> {
  quietWorkers();
  const { temporal } = await serverBinaries();
  const dynamic = (key: string, value: number): string[] => ['--dynamic-config-value', `${key}=${value}`];
  return withinItsTime(() =>
    TestWorkflowEnvironment.createLocal({
      server: {
        executable: { type: 'existing-path', path: temporal },
        searchAttributes: SEARCH_ATTRIBUTES.map((name) => defineSearchAttributeKey(name, 'KEYWORD')),
        extraArgs:
          options.continueAsNewAt === undefined
            ? []
            : dynamic('limit.historyCount.suggestContinueAsNew', options.continueAsNewAt),
      },
    }),
  );
}
