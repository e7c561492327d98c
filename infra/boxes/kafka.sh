#!/bin/sh
# As Kafka's own starts a class: the environment says how.
[ "$1" != -name ] || shift 2 # What its own calls its files.
# shellcheck disable=SC2086  # They are words.
exec java ${KAFKA_HEAP_OPTS:--Xmx256m} ${KAFKA_JVM_PERFORMANCE_OPTS:--XX:+UseG1GC} $KAFKA_LOG4J_OPTS \
    -cp '/opt/kafka/libs/*' "$@"
