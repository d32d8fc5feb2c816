//! The exercises are this package's examples: `NN-starter` and `NN-solution`, each in its folder. Nothing else is here.
