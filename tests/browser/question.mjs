// A pool's DefineAuthChallenge, CreateAuthChallenge and VerifyAuthChallengeResponse for the tests: a sum, then a picture.
// The pool runs it with the event on stdin. Two wrong answers end the sign-in.

import { text } from "node:stream/consumers";

const event = JSON.parse(await text(process.stdin));
const rounds = (event.request.session ?? []).filter(({ challengeName }) => challengeName === "CUSTOM_CHALLENGE");
const right = rounds.filter(({ challengeResult }) => challengeResult).length;
const QUESTIONS = [
  { question: "What is two and three?", hint: "As a digit.", email: "a***@e***", answer: "5" },
  { question: "What do you see?", captchaUrl: "https://pictures.example.com/cat.png", answer: "cat" },
];

function define() {
  const last = event.request.session.at(-1);
  if (last?.challengeName === "SRP_A") return { challengeName: "PASSWORD_VERIFIER", issueTokens: false, failAuthentication: false };
  if (rounds.length - right > 1) return { issueTokens: false, failAuthentication: true };
  if (right === QUESTIONS.length) return { issueTokens: true, failAuthentication: false };
  return { challengeName: "CUSTOM_CHALLENGE", issueTokens: false, failAuthentication: false };
}

function create() {
  const { answer, ...publicChallengeParameters } = QUESTIONS[right];
  return { publicChallengeParameters, privateChallengeParameters: { answer } };
}

const verify = () => ({ answerCorrect: event.request.challengeAnswer === event.request.privateChallengeParameters.answer });

const [trigger] = event.triggerSource.split("_");
event.response = { DefineAuthChallenge: define, CreateAuthChallenge: create, VerifyAuthChallengeResponse: verify }[trigger]();
process.stdout.write(JSON.stringify(event));
