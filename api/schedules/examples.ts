/** Schedules to look at, as the API's documentation shows them; their dates lie in 2030. */
export const previewExamples = {
  weekly: {
    summary: 'Every other week, Monday and Thursday at nine in Berlin',
    value: {
      when: {
        start: '2030-03-18T00:00:00+01:00',
        schedule: { every: { frequency: 'weekly', interval: 2, on: ['mon', 'thu'], at: ['09:00'] } },
        timezone: 'Europe/Berlin',
      },
      count: 8,
    },
  },
  userTime: {
    summary: "At nine in the morning of each user's own time zone, until noon",
    value: {
      when: {
        schedule: { at: ['2030-06-01T09:00'] },
        timezone: 'profile',
        ifPast: 'nextDay',
        cutOff: '12:00',
      },
      timezones: ['Asia/Tokyo', 'Europe/Berlin', 'America/Los_Angeles'],
    },
  },
  rule: {
    summary: 'The last working day of each month, by an RFC 5545 rule',
    value: {
      when: {
        start: '2030-01-01T00:00:00Z',
        schedule: { rrule: 'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1', at: ['17:30'] },
        timezone: 'America/New_York',
        cutOff: '2h',
      },
    },
  },
};
