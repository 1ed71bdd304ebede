module k8sflow.example/samples/log-exporter

go 1.22
