"""The files in serving/ are what TF Serving parses, and go with the client and the saved models."""

import inspect

import pytest
import tensorflow as tf
from command import ROOT
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2
from tensorflow_serving.config import model_server_config_pb2

from fer_keras.export import serving

# All fields, field -> type, of messages that tensorflow-serving-api leaves out, as TF Serving defines them,
# so that a name that is misspelt in our files is refused. Their numbers do not matter to the text form.
# tensorflow_serving/servables/tensorflow/session_bundle_config.proto
BATCHING = {
    "BatchingParameters": {
        "max_batch_size": ".google.protobuf.Int64Value",
        "batch_timeout_micros": ".google.protobuf.Int64Value",
        "max_enqueued_batches": ".google.protobuf.Int64Value",
        "num_batch_threads": ".google.protobuf.Int64Value",
        "thread_pool_name": ".google.protobuf.StringValue",
        "allowed_batch_sizes": "repeated int64",
        "pad_variable_length_inputs": "bool",
    }
}
# tensorflow_serving/config/monitoring_config.proto
MONITORING = {
    "PrometheusConfig": {"enable": "bool", "path": "string"},
    "MonitoringConfig": {"prometheus_config": ".serving.PrometheusConfig"},
}


def empty_message(definitions, name):
    """An empty message `name`, one of `definitions`: message -> field -> type."""
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    file = descriptor_pb2.FileDescriptorProto(name="it.proto", package="serving", syntax="proto3")
    file.dependency.append(wrappers_pb2.DESCRIPTOR.name)
    for message, fields in definitions.items():
        definition = file.message_type.add(name=message)
        for number, (field, words) in enumerate(fields.items(), 1):
            *repeated, kind = words.split()
            added = definition.field.add(name=field, number=number, label=3 if repeated else 1)
            if kind.startswith("."):
                added.type_name = kind
            else:
                added.type = descriptor_pb2.FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"serving.{name}"))()


def test_the_models_file_names_what_is_there():
    text = (ROOT / "serving" / "models.config").read_text()
    models = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    versions = {path.parents[1].name for path in (ROOT / "saved_models").glob("*/[0-9]*/saved_model.pb")}
    assert {config.name for config in models.model_config_list.config} == versions
    for config in models.model_config_list.config:
        assert config.base_path == f"/models/{config.name}"


def test_the_batching_file_is_what_the_server_parses():
    text = (ROOT / "serving" / "batching_parameters.txt").read_text()
    parameters = text_format.Parse(text, empty_message(BATCHING, "BatchingParameters"))
    parsed = {field.name: value.value for field, value in parameters.ListFields()}
    assert parsed == {
        "max_batch_size": serving.MOST_IMAGES,
        "batch_timeout_micros": 2000,
        "max_enqueued_batches": 100,
        "num_batch_threads": 2,
    }
    # TensorFlow's own batching operation, which is installed, calls the same things the same.
    assert parsed.keys() <= inspect.signature(tf.raw_ops.BatchFunction).parameters.keys()
    with pytest.raises(text_format.ParseError, match="no field named"):
        text_format.Parse("max_batchsize { value: 64 }", empty_message(BATCHING, "BatchingParameters"))


def test_the_monitoring_file_is_what_the_server_parses():
    text = (ROOT / "serving" / "monitoring.config").read_text()
    prometheus = text_format.Parse(text, empty_message(MONITORING, "MonitoringConfig")).prometheus_config
    assert prometheus.enable and prometheus.path == "/monitoring/prometheus/metrics"
    with pytest.raises(text_format.ParseError, match="no field named"):
        text_format.Parse("prometheus { enable: true }", empty_message(MONITORING, "MonitoringConfig"))
