import { readFile } from 'node:fs/promises';
import type { Connection } from 'mongoose';

/** Of a clock tick, as Linux counts processor time. */
const TICKS_A_SECOND = 100;

/**
 * Processor time used so far by the database, a child and this process: what a busy machine does not blur.
 *
 * @returns seconds; without the child's where there is no `/proc`
 */
export async function cpuSeconds(connection: Connection, childPid: number): Promise<number> {
  const status = await connection.db?.admin().command({ serverStatus: 1 });
  const { user_time_us: user, system_time_us: system } = status?.extra_info as Record<
    string,
    bigint | number
  >;
  const own = process.cpuUsage();
  return (Number(user) + Number(system) + own.user + own.system) / 1e6 + (await ofChild(childPid));
}

async function ofChild(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name, in brackets, may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_A_SECOND;
}
