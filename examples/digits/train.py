"""Train a small neural network on scikit-learn's handwritten digits and watch it learn."""

import argparse
import csv

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--epochs", type=int, default=200)
parser.add_argument("--lr", type=float, default=0.001)
parser.add_argument("--hidden", type=int, default=64)
parser.add_argument("--batch-size", type=int, default=64)
args = parser.parse_args()

images, labels = load_digits(return_X_y=True)
images = images / 16.0
x_train, x_test, y_train, y_test = train_test_split(images, labels, test_size=0.5, stratify=labels)
print(f"{len(x_train)} training images, {len(x_test)} test images")

model = MLPClassifier(hidden_layer_sizes=(args.hidden,), learning_rate_init=args.lr)
classes = np.unique(labels)
with open("curve.csv", "w", newline="") as file:
    curve = csv.writer(file)
    curve.writerow(["step", "test/accuracy", "test/loss"])
    for epoch in range(1, args.epochs + 1):
        order = np.random.permutation(len(x_train))
        for start in range(0, len(order), args.batch_size):
            batch = order[start : start + args.batch_size]
            model.partial_fit(x_train[batch], y_train[batch], classes=classes)

        accuracy = model.score(x_test, y_test)
        loss = log_loss(y_test, model.predict_proba(x_test))
        curve.writerow([epoch, accuracy, loss])
        if epoch % 10 == 0:
            file.flush()
            print(f"epoch {epoch}/{args.epochs}  test accuracy {accuracy:.4f}  test loss {loss:.4f}", flush=True)

np.savez("model.npz", *model.coefs_, *model.intercepts_)
