/** @returns the seconds of CPU that this process has used, which do not pass while another process has the core */
export const cpuSeconds = (): number => process.cpuUsage().user / 1e6;
