"""What comes through Kafka: the topics, the connection, the messages."""
