/** Segments to begin from, as the API's documentation shows them. */
const buyers = {
  all: [
    {
      did: {
        event: 'Charged',
        count: { gte: 2 },
        within: '30d',
        where: [{ property: 'Amount', op: 'gt', value: 50 }],
      },
    },
    { didNot: { event: 'Unsubscribed', within: '90d' } },
    { property: 'country', op: 'in', value: ['DE', 'AT'] },
  ],
};

export const segmentExamples = {
  buyers: { summary: 'Bought at least twice in 30 days', value: { name: 'Buyers', segment: buyers } },
  clickedNotBought: {
    summary: 'Clicked a message labelled “sale” and did not buy',
    value: {
      name: 'Clicked, not bought',
      segment: {
        all: [
          {
            did: {
              event: 'Notification Clicked',
              within: '7d',
              where: [{ property: 'labels', op: 'contains', value: 'sale' }],
            },
          },
          { didNot: { event: 'Charged', within: '7d' } },
        ],
      },
    },
  },
};

export const estimateExamples = {
  buyers: { summary: 'Bought at least twice in 30 days', value: { segment: buyers } },
};
