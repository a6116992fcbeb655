/**
 * `folds` of a profile's document counts the changes of what is folded into it. Whoever computes a change from
 * what was read says in `foldsWanted` which count it makes; the collection's validator refuses it when somebody
 * else came first. So such an update finds its document by `_id` alone, which costs the server half of what
 * finding it by both does.
 */
export const FOLDS_VALIDATOR = {
  $expr: { $eq: [{ $ifNull: ['$foldsWanted', '$folds'] }, '$folds'] },
} as const;

/** MongoDB's answer to a write that a validator refuses. */
export const REFUSED_BY_VALIDATOR = 121;

const NEXT = { $add: [{ $ifNull: ['$folds', 0] }, 1] };

/** Counts a change that the server computes from the document as it stands; a part of a `$set` stage. */
export const FOLDED_AGAIN = { folds: NEXT, foldsWanted: NEXT };
