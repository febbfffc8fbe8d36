export const posts = [
  { path: "/small-sums/", title: "On small sums", description: "Why a cent is harder to pay than a hundred." },
];
