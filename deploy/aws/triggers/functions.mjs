// The functions of this folder by name, loaded when they are first called, as Lambda does.

const FUNCTIONS = {
  'captcha/define': './captcha/define.mjs',
  'captcha/create': './captcha/create.mjs',
  'captcha/verify': './captcha/verify.mjs',
  'email-code/define': './email-code/define.mjs',
  'email-code/create': './email-code/create.mjs',
  'email-code/verify': './email-code/verify.mjs',
  'migrate-user': './migrate-user/index.mjs',
};

export const NAMES = Object.keys(FUNCTIONS);

/** The handler called `name`, or undefined. In a Lambda function's name the `/` is a `-`. */
export async function load(name) {
  const known = NAMES.find((each) => each === name || each.replace('/', '-') === name);
  return known && (await import(FUNCTIONS[known])).handler;
}
