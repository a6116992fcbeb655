/** Campaigns to begin from, as the API's documentation shows them. */
const siteId = '6745c0e1a1b2c3d4e5f60718';

export const campaignExamples = {
  abandonedCart: {
    summary: 'Live: whoever leaves a cart for ten minutes',
    value: {
      name: 'Abandoned cart',
      channel: 'webPush',
      siteId,
      labels: ['cart'],
      who: {
        live: {
          event: 'Added To Cart',
          where: [{ property: 'price', op: 'gte', value: 20 }],
          matchOn: 'cartId',
          inaction: { event: 'Charged', within: '10m' },
          cancelledBy: [{ event: 'Cart Emptied' }],
        },
      },
      when: { start: 'now', dnd: { from: '21:00', to: '09:00', action: 'delay' } },
      what: {
        title: "{{ profile.name | default: 'Hi' }}, still thinking it over?",
        body: '{{ event.product }} is waiting',
        url: 'https://shop.example/cart/{{ event.cartId }}',
        ttl: '4h',
      },
    },
  },
  everyone: {
    summary: 'Past behaviour: everyone, now',
    value: {
      name: 'Hello everyone',
      channel: 'webPush',
      siteId,
      who: { past: { all: [] } },
      what: { title: 'We have moved', url: 'https://shop.example/' },
    },
  },
  weekly: {
    summary: "Past behaviour: every Monday at nine in each user's own time, until noon",
    value: {
      name: 'Monday deals',
      channel: 'webPush',
      siteId,
      who: { past: { property: 'plan', op: 'eq', value: 'gold' } },
      when: {
        start: 'now',
        schedule: { every: { frequency: 'weekly', on: ['mon'], at: ['09:00'] } },
        timezone: 'profile',
        ifPast: 'drop',
        cutOff: '12:00',
      },
      what: { title: 'The deals of the week are here', url: 'https://shop.example/deals', ttl: '3h' },
    },
  },
  apiTriggered: {
    summary: 'API-triggered: whom calls of /send name, with data of their own',
    value: {
      name: 'Order sent',
      channel: 'webPush',
      siteId,
      who: { api: { requiredData: ['orderId'] } },
      when: { start: 'now', dnd: { from: '22:00', to: '08:00', action: 'delay' } },
      what: {
        title: 'Your order {{ data.orderId }} is on its way',
        body: "{{ data.carrier | default: 'It' }} brings it to {{ profile.name | default: 'you' }}",
        url: 'https://shop.example/orders/{{ data.orderId }}',
        ttl: '1d',
      },
    },
  },
  webhook: {
    summary: 'Live: tells another system of every large purchase, ten at a time',
    value: {
      name: 'Large purchases',
      channel: 'webhook',
      who: { live: { event: 'Charged', where: [{ property: 'Amount', op: 'gte', value: 500 }] } },
      what: {
        webhookId: '6745c0e1a1b2c3d4e5f60730',
        fields: ['identity', 'email', 'eventProperties'],
        required: ['email'],
        keyValues: { campaign: '{{ campaign.name }}' },
        batch: { size: 10, maxWait: '1s' },
      },
    },
  },
  reminder: {
    summary: "Live: two days before the departure that a booking names, at nine in the user's time",
    value: {
      name: 'Departure',
      channel: 'webPush',
      siteId,
      who: {
        live: {
          event: 'Booked',
          matchOn: 'bookingId',
          cancelledBy: [{ event: 'Booking Cancelled' }],
          dateProperty: { property: 'departure', offset: '-2d', at: '09:00' },
        },
      },
      when: { start: 'now' },
      what: {
        title: 'In two days you are off to {{ event.destination | default: "your trip" }}',
        url: 'https://travel.example/bookings/{{ event.bookingId }}',
        ttl: '12h',
      },
    },
  },
  segment: {
    summary: 'Past behaviour: a segment, at a set time',
    value: {
      name: 'Gold in Germany',
      channel: 'webPush',
      siteId,
      who: {
        past: {
          all: [
            { property: 'country', op: 'in', value: ['DE', 'AT'] },
            { not: { property: 'plan', op: 'ne', value: 'gold' } },
          ],
        },
      },
      when: { start: '2027-01-15T09:00:00+01:00', end: '2027-01-16T09:00:00+01:00' },
      what: { title: 'Thank you, {{ profile.name }}' },
    },
  },
};
