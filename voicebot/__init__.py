"""voicebot: people dial a number, Twilio streams the call to us, StepFun answers."""
