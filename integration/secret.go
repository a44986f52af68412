package integration

// SecretMark as the whole value of a message's header stands for the target's secret: messages are stored as they are, and
// a secret is kept only where it is sealed.
const SecretMark = "{secret}"
