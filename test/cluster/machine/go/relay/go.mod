module k8sflow.example/test/cluster/relay

go 1.26.0
